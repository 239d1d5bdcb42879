//! What a stream that wraps another one passes on as it is.

/// The writing half of `AsyncWrite` but its end, for a wrapper whose stream is in this field. A stream in it must be `Unpin`.
macro_rules! pass_writes {
    ($stream:ident) => {
        fn poll_write(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
            bytes: &[u8],
        ) -> std::task::Poll<std::io::Result<usize>> {
            std::pin::Pin::new(&mut self.$stream).poll_write(context, bytes)
        }

        fn poll_write_vectored(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
            slices: &[std::io::IoSlice<'_>],
        ) -> std::task::Poll<std::io::Result<usize>> {
            std::pin::Pin::new(&mut self.$stream).poll_write_vectored(context, slices)
        }

        fn is_write_vectored(&self) -> bool {
            self.$stream.is_write_vectored()
        }

        fn poll_flush(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::pin::Pin::new(&mut self.$stream).poll_flush(context)
        }
    };
}

pub(super) use pass_writes;
