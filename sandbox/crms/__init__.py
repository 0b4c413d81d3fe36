"""Stand-ins for CRM vendors, each speaking its vendor's own wire format."""
