"""krea"""
