"""Gmail's API and Google's side: mailboxes on disk, tokens, quota, history, the task queue, and what goes wrong with them."""
