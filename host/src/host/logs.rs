//! What can be read of the logs that a host keeps.

use super::Host;
use crate::function::Region;
use crate::logs::{
    ListLogGroups, ListLogStreams, LogEventPage, LogGroupInfo, LogList, LogStreamChoice, LogStreamInfo, Logs,
    LogsError, ReadLogEvents, ReadLogsFrom,
};

impl Host {
    /// The log groups that have lines, by name. A deleted function's group stays until its lines are the oldest.
    ///
    /// # Errors
    /// [`LogsError::NotKept`], unless the host was told to [keep logs](crate::HostBuilder::logs).
    pub async fn log_groups(&self, request: ListLogGroups) -> Result<LogList<LogGroupInfo>, LogsError> {
        let region = self.log_region(request.region.as_ref());
        Ok(self.kept_logs()?.groups(&region, request).await)
    }

    /// The streams of a log group: one for each instance.
    ///
    /// # Errors
    /// When the host keeps no logs, there is no such group, or the files cannot be read.
    pub async fn log_streams(&self, request: ListLogStreams) -> Result<LogList<LogStreamInfo>, LogsError> {
        let region = self.log_region(request.region.as_ref());
        self.kept_logs()?.streams(&region, request).await
    }

    /// Lines of a log group, page by page. All lines that were written before are there.
    ///
    /// ```no_run
    /// # async fn example(host: samovar::Host) -> Result<(), samovar::LogsError> {
    /// use samovar::{LogFilter, ReadLogEvents, ReadLogsFrom};
    ///
    /// let mut request = ReadLogEvents::new("/aws/lambda/hello");
    /// request.filter = LogFilter::containing("ERROR");
    /// loop {
    ///     let page = host.log_events(request.clone()).await?;
    ///     page.events.iter().for_each(|event| println!("{}", event.message));
    ///     if !page.has_more {
    ///         break;
    ///     }
    ///     request.from = ReadLogsFrom::After(page.after);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the host keeps no logs, there is no such group or no stream of the one name that is given, or the files
    /// cannot be read.
    pub async fn log_events(&self, request: ReadLogEvents) -> Result<LogEventPage, LogsError> {
        let region = self.log_region(request.region.as_ref());
        let logs = self.kept_logs()?;
        let one_stream = match &request.streams {
            LogStreamChoice::Named(names) if names.len() == 1 => {
                Some((request.group.clone(), names[0].clone()))
            }
            _ => None,
        };
        let is_first = matches!(request.from, ReadLogsFrom::Oldest | ReadLogsFrom::Newest);
        let page = logs.events(&region, request).await?;
        match one_stream {
            // Times may have kept the stream's lines from being met.
            Some((group, stream)) if is_first && !page.met_stream => {
                let found = ReadLogEvents {
                    streams: LogStreamChoice::Named(vec![stream.clone()]),
                    limit: 1,
                    ..ReadLogEvents::new(group)
                };
                let found = logs.events(&region, found).await?;
                match found.met_stream || found.has_more {
                    true => Ok(page),
                    false => Err(LogsError::StreamNotFound { stream }),
                }
            }
            _ => Ok(page),
        }
    }

    fn kept_logs(&self) -> Result<&Logs, LogsError> {
        self.parts.logs.as_ref().ok_or(LogsError::NotKept)
    }

    fn log_region(&self, given: Option<&Region>) -> String {
        given.unwrap_or(self.region()).as_str().to_owned()
    }
}
