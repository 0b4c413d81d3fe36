"""CRMs on this machine, over HTTP as their vendors serve them: each answers what our client asks of it, and refuses all else."""
