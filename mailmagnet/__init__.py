"""The core: the rules, the use cases, what they ask of the outside, and the error tree. Imports nothing of the other packages."""
