//! What this guard is built from, as one number, so that one older than its checkout is seen before it starts a run.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=src");
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files);
    files.sort();
    let mut crc = u32::MAX;
    for file in files {
        take(&mut crc, file.to_string_lossy().as_bytes());
        take(&mut crc, &fs::read(&file).unwrap_or_default());
    }
    println!("cargo:rustc-env=HOLDFAST_GUARD_SOURCES={:08x}", !crc);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// CRC-32 as zlib has it, which Python brings along.
fn take(crc: &mut u32, bytes: &[u8]) {
    for byte in bytes {
        *crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = 0_u32.wrapping_sub(*crc & 1);
            *crc = (*crc >> 1) ^ (0xEDB8_8320 & carry);
        }
    }
}
