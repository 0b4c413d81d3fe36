"""The page and its server: a Gmail to use in a browser, and the dials of its world."""
