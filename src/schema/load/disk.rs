//! What is read from the disk, and how much of it at most.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How many folders deep `.proto` files are looked for.
const MAX_FOLDER_DEPTH: usize = 32;
/// How many `.proto` files one schema may have.
const MAX_FILES: usize = 10_000;
/// How large one `.proto` file may be.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads a file of a folder. There a pipe would be waited for without end.
pub(super) fn read_regular(path: &Path) -> Result<Vec<u8>, String> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err("is not a regular file".to_owned()),
        Ok(_) => read(path, MAX_FILE_BYTES),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// Reads a file, whatever it is.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let describe = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(describe)?;
    // What is no file on the disk does not say how long it is.
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(describe)?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("this file has more than the {max_bytes} bytes that are read"));
    }
    Ok(bytes)
}

/// The `.proto` files of a folder, sorted, leaving hidden folders aside.
pub(super) fn proto_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    collect(folder, MAX_FOLDER_DEPTH, &mut paths)?;
    Ok(paths)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let describe = |error: std::io::Error| format!("cannot be read: {error}");
    let mut entries =
        fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(describe)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth == 0 {
                return Err(format!("has folders more than {MAX_FOLDER_DEPTH} deep"));
            }
            collect(&path, depth - 1, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            if paths.len() == MAX_FILES {
                return Err(format!("has more than {MAX_FILES} .proto files"));
            }
            paths.push(path);
        }
    }
    Ok(())
}
