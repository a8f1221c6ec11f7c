//! A partition: batches in the order they came, as they came.
//! (interface sketch; see the helper's task)
