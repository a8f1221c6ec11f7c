//! Decodes a frame into pixels, directly into the buffer that will be shown.

use anyhow::Context;
use jpeg::JpegError;
use pool::Pool;

use crate::canvas::{Canvas, Rect};
use crate::overlay::Overlay;
use crate::present::{Events, PresentError, Presenter, WindowOptions};

/// The destination of pictures: a window, or none.
#[derive(Debug)]
pub enum Screen {
    Headless(Canvas),
    /// The window opens with the first picture and takes its size.
    Waiting(WindowOptions, Pool),
    Window(Box<Presenter>),
}

impl Screen {
    pub fn new(window: Option<&WindowOptions>, pool: &Pool) -> Result<Screen, PresentError> {
        match window {
            None => Ok(Screen::Headless(Canvas::default())),
            Some(options) => {
                crate::present::check_display()?;
                Ok(Screen::Waiting(options.clone(), pool.clone()))
            }
        }
    }

    pub fn is_window(&self) -> bool {
        !matches!(self, Screen::Headless(_))
    }

    /// The way in which pictures get on the screen, for the explanation of latencies.
    pub fn kind(&self) -> explain::DisplayPath {
        match self {
            Screen::Window(presenter) => presenter.kind(),
            _ => explain::DisplayPath::None,
        }
    }

    pub fn events(&mut self) -> Events {
        match self {
            Screen::Window(presenter) => presenter.events(),
            _ => Events::default(),
        }
    }

    /// True if the user closed the window.
    pub fn closed(&self) -> bool {
        matches!(self, Screen::Window(presenter) if !presenter.is_open())
    }

    pub fn present(&mut self, overlay: &Overlay) -> Result<(), PresentError> {
        match self {
            Screen::Window(presenter) => presenter.present(overlay),
            _ => Ok(()),
        }
    }

    pub fn set_title(&mut self, title: &str) {
        if let Screen::Window(presenter) = self {
            presenter.set_title(title);
        }
    }

    pub fn is_full_screen(&mut self) -> bool {
        match self {
            Screen::Window(presenter) => presenter.is_full_screen(),
            _ => false,
        }
    }

    pub fn set_full_screen(&mut self, on: bool) -> Result<(), PresentError> {
        match self {
            Screen::Window(presenter) => presenter.set_full_screen(on),
            _ => Ok(()),
        }
    }

    /// Calls `look` with the picture shown last: the pixels, the pixels per row, and the picture's place among them.
    pub fn look<T>(&mut self, look: impl FnOnce(&[u32], usize, Rect) -> T) -> Option<T> {
        match self {
            Screen::Headless(canvas) => {
                let (width, height) = canvas.size();
                Some(look(&canvas.pixels, width, Rect { x: 0, y: 0, width, height }))
            }
            Screen::Window(presenter) => presenter.look(look),
            Screen::Waiting(..) => None,
        }
    }

    /// Calls `decode` to draw a picture of this size where it will be shown. It gets the pixels, and the pixels per
    /// row.
    fn write(
        &mut self,
        (width, height): (usize, usize),
        decode: impl FnOnce(&mut [u32], usize) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        match self {
            Screen::Headless(canvas) => {
                canvas.reshape(width, height);
                decode(&mut canvas.pixels, width)
            }
            Screen::Window(presenter) => presenter.write((width, height), decode),
            Screen::Waiting(options, pool) => {
                *self = Screen::Window(Box::new(Presenter::open(options, (width, height), pool.clone())?));
                self.write((width, height), decode)
            }
        }
    }
}

/// The reason why a frame could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    #[error(transparent)]
    Present(#[from] PresentError),
}

#[derive(Debug)]
pub struct Decode {
    jpeg: jpeg::Decoder,
}

impl Decode {
    pub fn new(pool: Pool) -> anyhow::Result<Decode> {
        Ok(Decode { jpeg: jpeg::Decoder::on(pool).context("starting the JPEG decoder")? })
    }

    /// Decodes the picture directly to the screen's buffer; returns its size.
    pub fn decode(&mut self, jpeg: &[u8], screen: &mut Screen) -> Result<(usize, usize), DecodeError> {
        let header = self.jpeg.header(jpeg)?;
        screen.write((header.width, header.height), |pixels, stride| {
            self.jpeg.decode_xrgb(jpeg, pixels, stride)?;
            Ok(())
        })?;
        Ok((header.width, header.height))
    }

    /// Decodes the picture into a canvas of its own.
    pub fn picture(&mut self, jpeg: &[u8]) -> Result<Canvas, JpegError> {
        let header = self.jpeg.header(jpeg)?;
        let mut canvas = Canvas::default();
        canvas.reshape(header.width, header.height);
        self.jpeg.decode_xrgb(jpeg, &mut canvas.pixels, header.width)?;
        Ok(canvas)
    }
}
