"""A reproducible bench that measures which training choices matter for a ConvNet."""
