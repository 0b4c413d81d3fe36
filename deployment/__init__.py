"""What is deployed: the file deployment.yaml, all that follows from it, and the plan of commands that makes it so."""
