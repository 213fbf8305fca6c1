"""The pages of the report, one registered function each."""
