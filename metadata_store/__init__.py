"""The store: one file for each place that can hold it, each fulfilling `mailmagnet.store.Store`."""
