namespace LowLatency.Tests.Journals;

/// <summary>A small file system of its own, gone after the test. Needs root; a machine without it fails the test rather than skip it.</summary>
internal sealed class MountedFileSystem : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string? _loopDevice;

    private MountedFileSystem(string? loopDevice) => _loopDevice = loopDevice;

    internal string Path => _folder.File("mount");

    /// <summary>Name of the block device under it, without /dev.</summary>
    internal string? DeviceName => _loopDevice?[5..];

    internal static MountedFileSystem Tmpfs(int megabytes)
    {
        var mounted = new MountedFileSystem(null);
        Directory.CreateDirectory(mounted.Path);
        SystemCommand.Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", mounted.Path);
        return mounted;
    }

    internal static MountedFileSystem Ext4(int megabytes)
    {
        using var images = new TemporaryFolder();
        string image = images.File("image");
        using (FileStream stream = File.Create(image))
            stream.SetLength(megabytes * 1024L * 1024);
        SystemCommand.Run("mkfs.ext4", "-q", "-m", "0", image);
        // The device keeps the image: its name may go.
        string device = SystemCommand.Run("losetup", "--find", "--show", image).Trim();
        var mounted = new MountedFileSystem(device);
        Directory.CreateDirectory(mounted.Path);
        SystemCommand.Run("mount", device, mounted.Path);
        return mounted;
    }

    public void Dispose()
    {
        SystemCommand.Run("umount", Path);
        if (_loopDevice != null)
            SystemCommand.Run("losetup", "--detach", _loopDevice);
        _folder.Dispose();
    }
}
