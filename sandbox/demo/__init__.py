"""The whole product on this machine: how it is started, and the made-up mail that it starts with."""
