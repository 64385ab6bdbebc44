"""What the estimators are made of. Nothing here is public."""
