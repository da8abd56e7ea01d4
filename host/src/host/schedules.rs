//! Schedules: when functions are invoked without being asked.

use super::Host;
use crate::function::Region;
use crate::sources::schedules::{
    ListSchedules, ScheduleError, ScheduleInfo, ScheduleKey, ScheduleList, ScheduleName, ScheduleSettings,
};

/// A schedule as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRef {
    /// Its region; the host's own, if there is none.
    pub region: Option<Region>,
    /// Its name.
    pub name: ScheduleName,
}

impl Host {
    /// Makes a schedule, and gives back its ARN. Whenever it is due, an event is handed to the queue of its function's asynchronous
    /// events: once for each due time, whatever crashes and whatever becomes of clocks.
    ///
    /// Whether the function is there is seen when the event is run. A request that comes again with the same token is as good as the
    /// first.
    ///
    /// ```no_run
    /// # async fn example(host: samovar::Host) -> Result<(), Box<dyn std::error::Error>> {
    /// use samovar::ScheduleRef;
    /// use samovar::sources::schedule::Expression;
    /// use samovar::sources::schedules::{ScheduleSettings, TargetFunction};
    ///
    /// let function = TargetFunction::parse("arn:aws:lambda:us-east-1:000000000000:function:hello")?;
    /// let role = "arn:aws:iam::000000000000:role/any";
    /// let mut settings = ScheduleSettings::new(Expression::parse("rate(5 minutes)")?, function, role);
    /// settings.target.input = Some(r#"{"name":"Ada"}"#.to_owned());
    /// let schedule = ScheduleRef { region: None, name: "greeting".parse()? };
    /// host.create_schedule(&schedule, settings, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is one of that name, there are as many as there may be, it cannot be a schedule, or it cannot be written.
    pub async fn create_schedule(
        &self,
        schedule: &ScheduleRef,
        settings: ScheduleSettings,
        token: Option<&str>,
    ) -> Result<String, ScheduleError> {
        let key = self.changeable_schedule(schedule)?;
        self.parts.schedules.create(key, settings, token.map(Into::into)).await?;
        Ok(self.schedule_arn(schedule))
    }

    /// Gives a schedule other settings in place of all that it had, and gives back its ARN. If it is due at other times from now on, or
    /// was or is disabled, what was due until now and was not fired is not made up for; otherwise it still is. A request that comes again with the same token changes nothing.
    ///
    /// # Errors
    /// When there is none of that name, it cannot be such a schedule, or it cannot be written.
    pub async fn update_schedule(
        &self,
        schedule: &ScheduleRef,
        settings: ScheduleSettings,
        token: Option<&str>,
    ) -> Result<String, ScheduleError> {
        let key = self.changeable_schedule(schedule)?;
        self.parts.schedules.update(key, settings, token.map(Into::into)).await?;
        Ok(self.schedule_arn(schedule))
    }

    /// Deletes a schedule. A request that comes again with the same token is as good as the first.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be written.
    pub async fn delete_schedule(
        &self,
        schedule: &ScheduleRef,
        token: Option<&str>,
    ) -> Result<(), ScheduleError> {
        let key = self.changeable_schedule(schedule)?;
        self.parts.schedules.delete(key, token.map(Into::into)).await
    }

    /// A schedule with all that it is.
    ///
    /// # Errors
    /// When there is none of that name, or its input cannot be read.
    pub async fn schedule(&self, schedule: &ScheduleRef) -> Result<ScheduleInfo, ScheduleError> {
        self.parts.schedules.get(&self.schedule_key(schedule)).await
    }

    /// The schedules of a region in the order of their names, without the inputs of their events.
    pub fn list_schedules(&self, list: &ListSchedules) -> ScheduleList {
        self.parts.schedules.list(list.region.as_ref().unwrap_or(&self.parts.region), list)
    }

    fn changeable_schedule(&self, schedule: &ScheduleRef) -> Result<ScheduleKey, ScheduleError> {
        match self.is_closing() {
            true => Err(ScheduleError::Closing),
            false => Ok(self.schedule_key(schedule)),
        }
    }

    fn schedule_key(&self, schedule: &ScheduleRef) -> ScheduleKey {
        let region = schedule.region.as_ref().unwrap_or(&self.parts.region).clone();
        ScheduleKey { region, name: schedule.name.clone() }
    }

    fn schedule_arn(&self, schedule: &ScheduleRef) -> String {
        self.schedule_key(schedule).arn(self.parts.queues.account())
    }
}
