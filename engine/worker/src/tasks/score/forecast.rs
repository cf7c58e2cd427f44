//! How much work scores would be, told at once.

use std::time::{Duration, Instant};

use strandscope_models::{checkpoint::WeightType, folder::Folder};

use super::{
    ScoreStore, Speeds,
    described::{Description, Descriptions},
    plan::{Plan, check_request, largest_pass, read_of},
    settings::{Identity, Settings},
};
use crate::{
    EngineOptions, Outcome, ScoreRequest,
    engine::{Job, Stop},
    tasks::{
        facts::{DeviceFacts, Facts},
        files::FileTasks,
        genomes::Genomes,
        known::Known,
        memory,
        places::places,
        shelf::Key,
    },
};

/// How long kept pieces are looked for; of a longer region those further back are not counted.
const PATIENCE: Duration = Duration::from_millis(50);

/// What forecasts are made from.
pub(crate) struct Forecaster {
    descriptions: Descriptions,
    speeds: Speeds,
    /// `None` where scores are not kept.
    scores: Option<ScoreStore>,
    tables: WeightType,
}

impl Forecaster {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        let cache = options.cache_folder();
        Self {
            descriptions: Descriptions::default(),
            speeds: Speeds::new(&cache),
            scores: (!options.no_score_cache).then(|| ScoreStore::new(&cache, options.score_cache_bytes)),
            tables: options.weights,
        }
    }
}

impl FileTasks {
    /// Windows, those of them that are kept, time and memory of a score.
    pub(in crate::tasks) fn forecast(&mut self, request: &ScoreRequest, job: &Job) -> Result<Outcome, Stop> {
        let Forecaster { descriptions, speeds, scores, tables } = &mut self.forecaster;
        let start = Instant::now();
        let described = descriptions.of(&self.known, &request.head, request.model.as_deref())?;
        let outline = described.outline();
        check_request(request, &outline)?;
        let genome = self.genomes.open(&request.genome, job)?;
        let places = places(&request.regions, request.keep_going, genome, job)?;
        let plans: Vec<Plan> = places.iter().map(|place| Plan::new(request, &outline, place)).collect();
        let windows = plans.iter().map(|plan| plan.score.window_count(&outline)).sum();
        let device = self.facts.device();
        let on_gpu = device.as_ref().is_some_and(|device| device.is_gpu);
        let pass = largest_pass(&outline, &plans, genome, on_gpu)?;
        let memory_bytes = memory::with_weights(on_gpu, described.weight_bytes(*tables, on_gpu), pass);
        let known = device.and_then(|device| Weighed::of(described, &device, &self.known, &self.facts));
        let (mut windows_cached, mut seconds) = (0, None);
        if let (Some(known), Some(plan)) = (known, plans.first()) {
            let identity = known.identity(described, *tables);
            if let Some(scores) = scores {
                windows_cached = kept(&plans, described, &identity, (&mut self.genomes, request, job), scores, start)?;
            }
            let key = Settings::new(&identity, &outline, &plan.score).key_of_speed();
            seconds = speeds.seconds(&key, windows - windows_cached);
        }
        Ok(Outcome::Forecast { windows, windows_cached, seconds, memory_bytes })
    }
}

/// Fingerprints of a model and a head, and how they are computed.
struct Weighed {
    model_sha256: String,
    head_sha256: String,
    numeric_form: String,
}

impl Weighed {
    /// `None` where something of it is not known without reading weights or using the device.
    fn of(described: &Description, device: &DeviceFacts, known: &Known, facts: &Facts) -> Option<Self> {
        let sha256 = |folder: &Folder| {
            let key = Key::of_network(folder);
            let sha256 = facts.sha256(&key).or_else(|| known.sha256(folder))?;
            facts.tell_sha256(key, &sha256);
            Some(sha256)
        };
        Some(Self {
            model_sha256: sha256(&described.model)?,
            head_sha256: sha256(&described.head)?,
            numeric_form: device.numeric_form(described.outline().sizes.head_width())?,
        })
    }

    fn identity<'a>(&'a self, described: &'a Description, tables: WeightType) -> Identity<'a> {
        Identity {
            model: &described.model,
            model_sha256: &self.model_sha256,
            head: &described.head,
            head_sha256: &self.head_sha256,
            tables,
            numeric_form: self.numeric_form.clone(),
        }
    }
}

/// Windows of plans whose answers are kept, as far as there is time to look.
fn kept(
    plans: &[Plan],
    described: &Description,
    identity: &Identity<'_>,
    (genomes, request, job): (&mut Genomes, &ScoreRequest, &Job),
    scores: &ScoreStore,
    start: Instant,
) -> Result<u64, Stop> {
    let (outline, genome) = (described.outline(), genomes.open(&request.genome, job)?);
    let mut windows = 0;
    for plan in plans {
        let keys = Settings::new(identity, &outline, &plan.score).keys();
        for piece in plan.score.pieces(&outline).filter(|piece| !piece.reads.is_empty()) {
            if start.elapsed() > PATIENCE {
                return Ok(windows);
            }
            let bases = read_of(genome, plan, piece.reads.clone())?;
            if scores.has(&keys.of(&piece, &bases)) {
                windows += plan.score.windows_of(&outline, &piece);
            }
        }
    }
    Ok(windows)
}
