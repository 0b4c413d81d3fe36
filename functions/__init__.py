"""What Google Cloud calls, thin: verify, parse, call the core, answer. Also the settings, the wiring and the command line."""
