"""What lies in the folders that users have: one file a layout, each with `read`."""
