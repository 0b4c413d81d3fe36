"""Where connections' tokens are: one file for each place that can hold them, all fulfilling `mailmagnet.vault.Vault`."""
