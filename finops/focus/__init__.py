"""FOCUS export and statements: the ledger in the words of finance."""
