//! Trust, tried with certificates made on the spot.

mod authenticate;
mod handshake;
mod load;
mod standing;
