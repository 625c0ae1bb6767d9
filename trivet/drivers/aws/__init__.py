"""AWS, spoken to with boto3: `pip install 'trivet[cloud]'`."""
