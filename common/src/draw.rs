//! Drawing into pictures, and reading from them: text, and the test card's bar.

pub mod bar;
mod pixels;
mod text;

pub use self::bar::Bar;
pub use self::pixels::PixelCheck;
pub use self::text::Font;
