"""One reader across app id, openid, external_userid and unionid: joined, parted, listed."""
