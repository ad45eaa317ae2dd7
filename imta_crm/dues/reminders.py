def send_due():
	return None
