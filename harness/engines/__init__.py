"""Where runs execute: each engine takes runs and yields events as they come."""
