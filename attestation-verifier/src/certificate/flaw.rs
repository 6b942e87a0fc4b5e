//! What can be wrong with the form of a certificate.

numbered! {
    /// What is wrong with the form of a certificate or of a revocation list.
    CertificateFlaw {
        9 => NotDer, "not der, or not laid out as RFC 5280 says";
        9 => Version, "neither a certificate of version 3 nor a revocation list of version 2";
        9 => SignatureAlgorithm, "not signed by ecdsa-with-SHA384";
        9 => PublicKey, "the key is not an uncompressed P-384 point";
        9 => Time, "a time is not a UTC time to the second";
        10 => RepeatedExtension, "an extension is repeated";
        10 => CriticalExtension, "an unknown extension is critical";
        10 => Narrowed, "an extension narrows what is said, and is not processed";
        9 => BasicConstraints, "malformed basic constraints";
        9 => KeyUsage, "malformed key usage";
        9 => NotPem, "not exactly one certificate in pem";
        9 => LongList, "longer than the 1 MiB that a list may have";
        9 => NextUpdate, "the list does not say to the second, in UTC, when the next one comes";
    }
}
