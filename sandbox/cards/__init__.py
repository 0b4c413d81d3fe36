"""Cards without the product: what Google would refuse in one, and a page that shows it."""
