"""What every layer knows: specs and records as types, registries, luck, parameters, errors."""
