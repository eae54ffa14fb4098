/** A certificate that a test's origin shows: for shop.test, signed by itself, good for a hundred years, trusted by nobody else. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUZsfskMNKDnbeSZKpyTLXBsdkWNUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJc2hvcC50ZXN0MCAXDTI2MTEyMzAyMDAxNFoYDzIxMjYxMDMw
MDIwMDE0WjAUMRIwEAYDVQQDDAlzaG9wLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATT/B9kK/hnP/wiIhmlVFjdjLgXum3GjusJEHxTwXnEbDm7UTwObhSO
WvcrmxY9mO+J/jZnpM68Gkpg//+jgEuno2kwZzAdBgNVHQ4EFgQUVGrOi8PBd9CM
t9sjfaYtjSUaR/UwHwYDVR0jBBgwFoAUVGrOi8PBd9CMt9sjfaYtjSUaR/UwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglzaG9wLnRlc3QwCgYIKoZIzj0EAwID
SAAwRQIhAIUnjziPAyp5igvU5/Kvp67L/R5mls3WdjLHuVp5QKfAAiAVCYZWfu/q
HWvBDX7gmi2POGKpwopRTXEkTZaX4vEOcg==
-----END CERTIFICATE-----
`;
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyPMdA1klVhLvugHE
UhDmTuBlitdc+/FNoaImIdUXMWOhRANCAATT/B9kK/hnP/wiIhmlVFjdjLgXum3G
jusJEHxTwXnEbDm7UTwObhSOWvcrmxY9mO+J/jZnpM68Gkpg//+jgEun
-----END PRIVATE KEY-----
`;
