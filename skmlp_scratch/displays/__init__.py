"""Pictures of training and of networks, in scikit-learn's Display convention."""
