//! The secret that authorizes resuming a program: whoever has it can read the output and write the input.

use crate::wire::json::{self, Answer, Object, Refusal};
use std::fmt;

/// 128 random bits chosen by the host.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Token(u128);

impl Token {
    /// 32 lower-case hexadecimal digits.
    pub fn parse(object: &Object, name: &str) -> Answer<Option<Token>> {
        let Some(text) = json::text(object, name)? else { return Ok(None) };
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = Some(text).filter(|text| text.len() == 32 && text.bytes().all(is_digit));
        let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        number.map(|number| Some(Token(number))).ok_or_else(|| Refusal::bad(format!("{name} must be 32 hexadecimal digits")))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("Token")
    }
}
