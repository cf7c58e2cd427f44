use burn::tensor::Device;
use std::path::{Path, PathBuf};
use strandscope_models::folder::{Folder, Model};
use strandscope_train::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let start = std::time::Instant::now();
    let mut last = std::time::Instant::now();
    let mut report = |p: Progress| {
        if last.elapsed().as_secs() > 5 {
            last = std::time::Instant::now();
            println!("{:?} {}/{} {}", start.elapsed(), p.step, p.steps, p.note);
        }
        true
    };
    let device = Device::flex();
    let force = true;
    let resume = std::env::var("RESUME").is_ok();
    let notes = if a[1] == "pretrain" {
        let recipe = recipe::read(Path::new(&a[2])).unwrap();
        let genomes: Vec<PathBuf> = a[5..].iter().map(PathBuf::from).collect();
        pretrain::pretrain(
            &pretrain::PretrainTask {
                recipe: &recipe,
                genomes: &genomes,
                cache: Path::new("/tmp/train/cache"),
                resume,
                force,
                output: Path::new(&a[3]),
                command: a[4].clone(),
            },
            &device,
            &mut report,
        )
    } else {
        let recipe = recipe::read(Path::new(&a[2])).unwrap();
        let model = Model::load(&Folder::Disk(PathBuf::from(&a[5])), &device).unwrap();
        finetune::finetune(
            &finetune::FinetuneTask {
                recipe: &recipe,
                model: &model,
                resume,
                force,
                output: Path::new(&a[3]),
                command: a[4].clone(),
            },
            &mut report,
        )
    };
    match notes {
        Ok(n) => println!("{:?}\n{}", start.elapsed(), n.join("\n")),
        Err(e) => println!("ERR {e}"),
    }
}
