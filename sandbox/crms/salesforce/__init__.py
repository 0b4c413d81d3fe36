"""Salesforce's side: its REST API (composite requests of SOQL and describes), its OAuth, its pages, over one neutral world."""
