"""A Gmail on your desk: Google's side of the product, on disk and on this machine, and a page to use it with."""
