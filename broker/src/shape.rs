//! What a request looks like, so that no length in it is believed before the bytes are seen to be there.
