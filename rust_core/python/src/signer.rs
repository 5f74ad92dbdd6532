//! The signer of Polymarket's orders as Python sees it.

use holdfast_signer::{self as signer, checksummed, decimal_word, parse_address, Exchange, Order};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

fn refused(error: signer::SignerError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once("0x".to_owned()).chain(digits).collect()
}

/// An order's id and signature.
#[pyclass(frozen, module = "rust_core._native")]
pub struct SignedOrder(signer::SignedOrder);

#[pymethods]
impl SignedOrder {
    #[getter]
    fn id(&self) -> String {
        self.0.id_text()
    }

    #[getter]
    fn signature(&self) -> String {
        self.0.signature_text()
    }
}

/// A private key that signs orders of one chain; it neither prints nor pickles.
#[pyclass(frozen, module = "rust_core._native")]
pub struct OrderSigner {
    signer: signer::Signer,
    chain: u64,
    plain: Exchange,
    neg_risk: Exchange,
}

#[pymethods]
impl OrderSigner {
    #[new]
    #[pyo3(signature = (private_key, *, chain, exchange, neg_risk_exchange))]
    fn new(
        private_key: &str,
        chain: u64,
        exchange: &str,
        neg_risk_exchange: &str,
    ) -> PyResult<Self> {
        let at = |contract| parse_address(contract).map(|found| Exchange::new(chain, &found));
        Ok(Self {
            signer: signer::Signer::from_hex(private_key).map_err(refused)?,
            chain,
            plain: at(exchange).map_err(refused)?,
            neg_risk: at(neg_risk_exchange).map_err(refused)?,
        })
    }

    #[getter]
    fn address(&self) -> String {
        checksummed(&self.signer.address())
    }

    fn attest(&self, timestamp: &str, nonce: u64) -> PyResult<String> {
        let signed = self.signer.attest(self.chain, timestamp, nonce);
        signed.map(|bytes| hex(&bytes)).map_err(refused)
    }

    #[pyo3(signature = (
        *, token_id, side, maker_amount, taker_amount, salt, timestamp_ms, is_neg_risk=false,
        maker=None, signature_type=0
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of one order
    fn order(
        &self,
        token_id: &str,
        side: &str,
        maker_amount: u64,
        taker_amount: u64,
        salt: u64,
        timestamp_ms: u64,
        is_neg_risk: bool,
        maker: Option<&str>,
        signature_type: u8,
    ) -> PyResult<SignedOrder> {
        let side = match side {
            "BUY" => signer::Side::Buy,
            "SELL" => signer::Side::Sell,
            _ => {
                let text = format!("side must be one of BUY, SELL, was {side:?}");
                return Err(PyValueError::new_err(text));
            }
        };
        let order = Order {
            salt,
            maker: maker.map(parse_address).transpose().map_err(refused)?,
            token: decimal_word(token_id).map_err(refused)?,
            maker_amount,
            taker_amount,
            side,
            signature_type,
            timestamp_ms,
            metadata: [0; 32],
            builder: [0; 32],
        };
        let at = if is_neg_risk {
            &self.neg_risk
        } else {
            &self.plain
        };
        self.signer
            .order(at, &order)
            .map(SignedOrder)
            .map_err(refused)
    }

    fn __repr__(&self) -> String {
        format!("OrderSigner({})", self.address())
    }
}
