//! Trust, tried with certificates made on the spot.

mod authenticate;
mod crl;
mod handshake;
mod load;
mod standing;
