def dues_notice(doc):
	return {}
