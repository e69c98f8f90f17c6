"""Linear probes of activations: estimators in scikit-learn's conventions, fitted from arrays or from stores."""
