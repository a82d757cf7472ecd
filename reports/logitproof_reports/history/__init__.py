"""Many runs of one framework, release by release."""
