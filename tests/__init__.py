"""The tests: unit (pure rules), contract (one suite, every implementation), scenario, browser."""
