"""The tests: unit (pure rules), contract (one suite, every implementation), scenario (a whole request in, the whole answer out), browser."""
