"""What is kept: one file for each place that can keep it, all fulfilling `mailmagnet.store.Store`."""
