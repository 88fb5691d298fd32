"""Access control: API keys, signed links, rate limits, and the policy for web pages."""
