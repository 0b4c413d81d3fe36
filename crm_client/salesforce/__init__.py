"""Salesforce, read over its REST API with each user's own rights."""
