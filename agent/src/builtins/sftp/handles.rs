//! What a client has open.

use super::folders::Folder;
use super::replies::{Code, Status};
use super::wire::{Fields, Malformed};
use std::fs::File;

/// Files and folders that one client can have open at once.
pub const MAX: usize = 1000;

pub enum Open {
    /// `appends`: writes go to the end, whatever their offset
    File { file: File, appends: bool },
    Folder(Folder),
}

/// Numbers are not used again, so that a handle that was closed is not another file's. They only grow, so the list is in order.
#[derive(Default)]
pub struct Handles {
    open: Vec<(u32, Open)>,
    next: u32,
}

fn failure(why: &str) -> Status {
    Status::new(Code::Failure, why)
}

impl Handles {
    /// An error if there are too many, before `open` runs.
    pub fn add(&mut self, open: impl FnOnce() -> Result<Open, Status>) -> Result<u32, Status> {
        let number = self.next;
        if self.open.len() >= MAX || number == u32::MAX {
            return Err(failure("Too many open files"));
        }
        self.open.push((number, open()?));
        self.next += 1;
        Ok(number)
    }

    fn place(&self, number: Option<u32>) -> Result<usize, Status> {
        let find = |number| self.open.binary_search_by_key(&number, |(number, _)| *number).ok();
        number.and_then(find).ok_or_else(|| failure("Invalid handle"))
    }

    /// Reads a handle's field; None if it is none of ours.
    pub fn parse(fields: &mut Fields) -> Result<Option<u32>, Malformed> {
        Ok(fields.string()?.try_into().ok().map(u32::from_be_bytes))
    }

    pub fn close(&mut self, number: Option<u32>) -> Result<(), Status> {
        self.open.remove(self.place(number)?);
        Ok(())
    }

    /// The file, and whether it is appended to.
    pub fn file(&self, number: Option<u32>) -> Result<(&File, bool), Status> {
        match &self.open[self.place(number)?].1 {
            Open::File { file, appends } => Ok((file, *appends)),
            Open::Folder(_) => Err(failure("It is a folder")),
        }
    }

    pub fn folder(&mut self, number: Option<u32>) -> Result<&mut Folder, Status> {
        let place = self.place(number)?;
        match &mut self.open[place].1 {
            Open::Folder(folder) => Ok(folder),
            Open::File { .. } => Err(failure("It is no folder")),
        }
    }
}
