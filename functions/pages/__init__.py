"""The function `pages`: our own web pages, for browsers. Every page first signs its browser in with Google."""
