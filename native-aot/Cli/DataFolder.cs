namespace LowLatency.Server.Cli;

/// <summary>The folder of a journal.</summary>
internal static class DataFolder
{
    /// <summary>Makes the folder when only it is missing: a missing parent is more likely a slip of the pen than a wish.</summary>
    /// <exception cref="CliException">Its parent is missing, or may not be written to.</exception>
    internal static void Make(string folder)
    {
        string path = Path.GetFullPath(folder);
        if (Directory.Exists(path))
            return;
        if (File.Exists(path))
            throw new CliException(ExitCode.FolderMissing, $"{path} is a file, not a folder. Name a folder for the data with --data.");
        string? parent = Path.GetDirectoryName(path.TrimEnd(Path.DirectorySeparatorChar));
        if (parent != null && !Directory.Exists(parent))
            throw new CliException(ExitCode.FolderMissing, $"The data folder {path} cannot be made: {parent} does not exist. Make it, or name another folder with --data.");
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoPermission, $"The data folder {path} cannot be made: {error.Message} Give this user write permission to {parent}, or name another folder with --data.", error);
        }
    }
}
